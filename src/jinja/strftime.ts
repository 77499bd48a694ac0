const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

const padded = (value: number, width = 2) => String(value).padStart(width, '0')
const hour12 = (date: Date) => date.getHours() % 12 || 12

const DIRECTIVES: Record<string, (date: Date) => string> = {
  Y: (date) => padded(date.getFullYear(), 4),
  y: (date) => padded(date.getFullYear() % 100),
  m: (date) => padded(date.getMonth() + 1),
  d: (date) => padded(date.getDate()),
  e: (date) => String(date.getDate()).padStart(2),
  H: (date) => padded(date.getHours()),
  I: (date) => padded(hour12(date)),
  M: (date) => padded(date.getMinutes()),
  S: (date) => padded(date.getSeconds()),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  B: (date) => MONTHS[date.getMonth()],
  b: (date) => MONTHS[date.getMonth()].slice(0, 3),
  A: (date) => DAYS[date.getDay()],
  a: (date) => DAYS[date.getDay()].slice(0, 3),
  j: (date) => padded(dayOfYear(date), 3),
  '%': () => '%',
}

function dayOfYear(date: Date): number {
  const midnight = (month: number, day: number) => Date.UTC(date.getFullYear(), month, day)
  return (midnight(date.getMonth(), date.getDate()) - midnight(0, 0)) / 86_400_000
}

/** Python's strftime in the C locale; '%-d' is '%d' without zeros, as glibc has it. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([a-zA-Z%])/g, (directive, unpadded: string, letter: string) => {
    const text = Object.hasOwn(DIRECTIVES, letter) ? DIRECTIVES[letter](date) : directive
    return unpadded ? text.replace(/^0+(?=.)/, '') : text
  })
}
