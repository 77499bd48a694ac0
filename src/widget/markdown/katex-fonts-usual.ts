import ams from 'katex/dist/fonts/KaTeX_AMS-Regular.woff2'
import mainBold from 'katex/dist/fonts/KaTeX_Main-Bold.woff2'
import mainItalic from 'katex/dist/fonts/KaTeX_Main-Italic.woff2'
import mainRegular from 'katex/dist/fonts/KaTeX_Main-Regular.woff2'
import mathItalic from 'katex/dist/fonts/KaTeX_Math-Italic.woff2'
import size1Regular from 'katex/dist/fonts/KaTeX_Size1-Regular.woff2'
import size2Regular from 'katex/dist/fonts/KaTeX_Size2-Regular.woff2'
import size3Regular from 'katex/dist/fonts/KaTeX_Size3-Regular.woff2'
import size4Regular from 'katex/dist/fonts/KaTeX_Size4-Regular.woff2'
import type { Font } from './katex-fonts.ts'

export const fonts: readonly Font[] = [
  [ams, 'AMS'],
  [mainBold, 'Main', 'bold'],
  [mainItalic, 'Main', 'normal', 'italic'],
  [mainRegular, 'Main'],
  [mathItalic, 'Math', 'normal', 'italic'],
  [size1Regular, 'Size1'],
  [size2Regular, 'Size2'],
  [size3Regular, 'Size3'],
  [size4Regular, 'Size4'],
]
