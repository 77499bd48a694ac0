import { readdir, readFile } from 'node:fs/promises'

/** Of a clock tick in /proc/PID/stat. */
const TICK_SECONDS = 0.01

/** What the workerd processes that this process has started hold, and have computed: on a machine with neighbours, time tells less than that. */
export async function runtime(): Promise<{ readonly mib: number; readonly cpuSeconds: number }> {
  let [mib, cpuSeconds] = [0, 0]
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const field = (name: string) => status.match(new RegExp(`^${name}:\\s*(\\S+)`, 'm'))?.[1]
    if (field('Name') !== 'workerd' || field('PPid') !== String(process.pid)) continue
    mib += Number(field('VmRSS')) / 1024
    // Behind the name in parentheses: state is the first field, user and system time the twelfth and the thirteenth.
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ')
    cpuSeconds += (Number(fields[11]) + Number(fields[12])) * TICK_SECONDS
  }
  return { mib: Math.round(mib), cpuSeconds }
}
