const DATE =
  '(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|' +
  '(?:\\d{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)'
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)'
const DAYS = '(?:\\d{1,4}Y(?:\\d{1,2}M(?:\\d{1,3}D)?)?|\\d{1,2}M(?:\\d{1,3}D)?|\\d{1,3}D)'
const CLOCK = 'T(?:\\d{1,3}H(?:\\d{1,3}M(?:\\d{1,3}S)?)?|\\d{1,3}M(?:\\d{1,3}S)?|\\d{1,3}S)'
const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const NAME = '[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*'
const HOST = `${NAME}(?:\\.${NAME})*`
const WORD = '[A-Za-z0-9_~-]'

/** Texts of each format that every validator accepts; not always all of them. */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  duration: `P(?:\\d{1,4}W|${DAYS}(?:${CLOCK})?|${CLOCK})`,
  uuid: '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
  email: `[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*@${NAME}(?:\\.${NAME})+`,
  // A label has 63 characters at most, and each that is counted costs.
  hostname: '[a-z0-9]{1,12}(?:\\.[a-z0-9]{1,12}){0,2}',
  ipv4: `${BYTE}(?:\\.${BYTE}){3}`,
  ipv6: '[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){7}',
  uri: `https?://${HOST}(?::\\d{2,4})?(?:/(?:${WORD}|\\.)*)*(?:\\?(?:${WORD}|[=&])*)?(?:#${WORD}*)?`,
}

/** A pattern of a format; undefined for one that is not known. */
export function formatPattern(format: string): string | undefined {
  return Object.hasOwn(FORMATS, format) ? `^(?:${FORMATS[format]})$` : undefined
}
