// What workerd uses, as Linux counts it (https://man7.org/linux/man-pages/man5/proc.5.html).
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** USER_HZ, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

export const hasUsage = existsSync('/proc/self/stat')

export interface WorkerdUsage {
  /** CPU time of all threads since the start, in ms; in steps of 10. */
  cpuMs(): number
  /** Memory that is resident now, and the most that ever was, in MiB. */
  memory(): { rss: number; peak: number }
}

/** Of the only workerd that this process runs. */
export function workerdUsage(): WorkerdUsage {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && isOwnWorkerd(entry))
  if (pids.length !== 1) throw new Error(`this process runs ${pids.length} workerd`)
  const [pid] = pids
  return {
    cpuMs() {
      const { utime, stime } = readStat(pid)!
      return ((utime + stime) * 1000) / TICKS_PER_SECOND
    },
    memory() {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const mib = (name: string) =>
        Math.round(Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))![1]) / 1024)
      return { rss: mib('VmRSS'), peak: mib('VmHWM') }
    },
  }
}

function isOwnWorkerd(pid: string): boolean {
  const stat = readStat(pid)
  return stat?.parent === process.pid && stat.command === 'workerd'
}

/** undefined: it has ended. */
function readStat(pid: string) {
  let line: string
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The command stands in parentheses and may have some itself.
  const end = line.lastIndexOf(')')
  const fields = line.slice(end + 2).split(' ')
  return {
    command: line.slice(line.indexOf('(') + 1, end),
    parent: Number(fields[1]),
    utime: Number(fields[11]),
    stime: Number(fields[12]),
  }
}
