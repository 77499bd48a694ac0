import { en } from './texts/en.ts'
import { zh } from './texts/zh.ts'

type Words<T> = {
  readonly [K in keyof T]: T[K] extends string ? string : T[K] extends (...args: never[]) => string ? T[K] : Words<T[K]>
}
/** All that the element says. */
export type Texts = Words<typeof en>

/** The texts for a language tag, with a page's own words before them. */
export function textsFor(language: string, own?: Partial<Texts>): Texts {
  const texts: Texts = /^zh\b/i.test(language) ? zh : en
  return own ? { ...texts, ...own } : texts
}

/** What an element's own words are in: its language, or that of what is around it, else the browser's. */
export function languageOf(element: HTMLElement): string {
  return element.lang || element.closest<HTMLElement>('[lang]')?.lang || navigator.language
}
