import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Files of gigabytes that are made once: outside the repository, kept between runs. */
export const CACHE = join(tmpdir(), 'nanbeige-edge-full-size')
