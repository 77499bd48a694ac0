// CommonMark tells an opening ** from a closing one by spaces and punctuation, which fails where a language has no spaces: in
// **注意：**请看 neither is one. This is the rule of https://github.com/tats-u/markdown-cjk-friendly: Chinese, Japanese and Korean
// characters, punctuation included, are no punctuation, and beside them other punctuation is no obstacle.
const CJK =
  '\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{scx=Bopo}\\u3001-\\u303f\\uff00-\\uffef\\ufe30-\\ufe4f'

const PUNCTUATION = `(?![~${CJK}])[\\p{P}\\p{S}]`
const SPACE_OR_PUNCTUATION = `(?:\\s|${PUNCTUATION})`
const LETTER = `(?:[^\\s\\p{P}\\p{S}]|[~${CJK}])`

/** What marked (18.2) calls its rules of emphasis, with the classes above; its numbered groups mean the same. */
export const cjkEmphasis = {
  punctuation: new RegExp(`^((?![*_])(?:\\s|[\\p{P}\\p{S}${CJK}]))`, 'u'),
  emStrongLDelim: new RegExp(
    `^(?:\\*+(?:((?!\\*)${PUNCTUATION})|([^\\s*]))?)|^_+(?:((?!_)${PUNCTUATION})|([^\\s_]))?`,
    'u',
  ),
  emStrongRDelimAst: new RegExp(
    [
      '^[^_*]*?__[^_*]*?\\*[^_*]*?(?=__)',
      '[^*]+(?=[^*])',
      `(?!\\*)${PUNCTUATION}(\\*+)(?=[\\s]|$)`,
      `${LETTER}(\\*+)(?!\\*)(?=${SPACE_OR_PUNCTUATION}|$)`,
      `(?!\\*)(?:\\s(?=\\*+${LETTER})|${PUNCTUATION}(?=\\*+(?![${CJK}])${LETTER}))(\\*+)`,
      `[\\s](\\*+)(?!\\*)(?=${PUNCTUATION})`,
      `(?!\\*)${PUNCTUATION}(\\*+)(?!\\*)(?=${PUNCTUATION})`,
      `(?:${LETTER}|(?!\\*)${PUNCTUATION})(\\*+)(?=${LETTER})`,
    ].join('|'),
    'gu',
  ),
}

const IS_SPACE = /^\s?$/u
const IS_CJK = new RegExp(`^[${CJK}]$`, 'u')
const IS_PUNCTUATION = new RegExp(`^${PUNCTUATION}$`, 'u')

/** Whether a run of delimiters between these characters ('' at an end of the text) can open emphasis. The other way round, whether it can close it. */
export function opensEmphasis(before: string, after: string): boolean {
  if (IS_SPACE.test(after)) return false
  return !IS_PUNCTUATION.test(after) || IS_SPACE.test(before) || IS_PUNCTUATION.test(before) || IS_CJK.test(before)
}
