// Types of the elements in JSX: `import type {} from 'nanbeige-chat/react'`.
import type { DetailedHTMLProps, HTMLAttributes } from 'react'
import type { NanbeigeChatElement, NanbeigeChatEventMap, NanbeigeChatLauncherElement } from './public.ts'

type Settable<Element> = {
  [Name in Exclude<keyof Element, keyof HTMLElement> as Element[Name] extends (...args: never[]) => void
    ? never
    : Name]?: Element[Name]
}
type Listeners = {
  [Type in keyof NanbeigeChatEventMap as `on${Type}`]?: (event: NanbeigeChatEventMap[Type]) => void
}
type Props<Element> = DetailedHTMLProps<HTMLAttributes<Element>, Element> & Settable<Element>

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'nanbeige-chat': Props<NanbeigeChatElement> & Listeners
      'nanbeige-chat-launcher': Props<NanbeigeChatLauncherElement> & { ontoggle?: (event: Event) => void }
    }
  }
}
