import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const COMMON_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
]

/** Path of a Chromium on this machine: CHROMIUM in the environment, or where packages put one. */
export const chromiumPath = [process.env.CHROMIUM, ...COMMON_PATHS].find((path) => path && existsSync(path))

/** @param args beside those that it always gets */
export function launchChromium(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      ...args,
    ],
  })
}
