import caligraphicBold from 'katex/dist/fonts/KaTeX_Caligraphic-Bold.woff2'
import caligraphicRegular from 'katex/dist/fonts/KaTeX_Caligraphic-Regular.woff2'
import frakturBold from 'katex/dist/fonts/KaTeX_Fraktur-Bold.woff2'
import frakturRegular from 'katex/dist/fonts/KaTeX_Fraktur-Regular.woff2'
import mainBoldItalic from 'katex/dist/fonts/KaTeX_Main-BoldItalic.woff2'
import mathBoldItalic from 'katex/dist/fonts/KaTeX_Math-BoldItalic.woff2'
import sansSerifBold from 'katex/dist/fonts/KaTeX_SansSerif-Bold.woff2'
import sansSerifItalic from 'katex/dist/fonts/KaTeX_SansSerif-Italic.woff2'
import sansSerifRegular from 'katex/dist/fonts/KaTeX_SansSerif-Regular.woff2'
import scriptRegular from 'katex/dist/fonts/KaTeX_Script-Regular.woff2'
import typewriterRegular from 'katex/dist/fonts/KaTeX_Typewriter-Regular.woff2'
import type { Font } from './katex-fonts.ts'

export const fonts: readonly Font[] = [
  [caligraphicBold, 'Caligraphic', 'bold'],
  [caligraphicRegular, 'Caligraphic'],
  [frakturBold, 'Fraktur', 'bold'],
  [frakturRegular, 'Fraktur'],
  [mainBoldItalic, 'Main', 'bold', 'italic'],
  [mathBoldItalic, 'Math', 'bold', 'italic'],
  [sansSerifBold, 'SansSerif', 'bold'],
  [sansSerifItalic, 'SansSerif', 'normal', 'italic'],
  [sansSerifRegular, 'SansSerif'],
  [scriptRegular, 'Script'],
  [typewriterRegular, 'Typewriter'],
]
