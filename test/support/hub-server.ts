import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** The commit of everything that this hub has. */
export const COMMIT = '0123456789abcdef0123456789abcdef01234567'

export interface FileRequest {
  readonly path: string
  /** First byte asked for. */
  readonly from: number
}

/** Changes what a request for a file gets; returns whether it has answered. */
export type Fault = (request: FileRequest, response: ServerResponse, bytes: Buffer) => boolean

/** A hub on loopback that has one model, the files of a folder, and notes what is asked of it. */
export class HubServer {
  readonly model = 'owner/tiny'
  readonly requests: FileRequest[] = []
  /** Where set, what every request must bring. */
  token: string | undefined
  fault: Fault = () => false
  /** Answers in place of the hub what is no file; returns whether it has. */
  lie: (path: string, response: ServerResponse) => boolean = () => false
  /** Without range requests, as some mirrors are. */
  ranges = true
  readonly #files: ReadonlyMap<string, Buffer>
  readonly #server = createServer((request, response) => this.#answer(request.url!, request.headers, response))

  private constructor(files: ReadonlyMap<string, Buffer>) {
    this.#files = files
  }

  static async start(folder: string): Promise<HubServer> {
    const names = await readdir(folder)
    const files = await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const))
    const hub = new HubServer(new Map(files))
    await new Promise<void>((resolve) => hub.#server.listen(0, '127.0.0.1', resolve))
    return hub
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(url: string, headers: NodeJS.Dict<string | string[]>, response: ServerResponse): void {
    const { pathname } = new URL(url, 'http://hub.invalid')
    const json = (value: unknown) => {
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(value))
    }
    if (this.token !== undefined && headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(401).end()
    } else if (pathname.startsWith('/api/') && this.lie(url, response)) {
      // Answered.
    } else if (pathname.startsWith(`/api/models/${this.model}/tree/`)) {
      json([...this.#files].map(([path, bytes]) => treeEntry(path, bytes)))
    } else if (pathname === `/api/models/${this.model}` || pathname.startsWith(`/api/models/${this.model}/revision/`)) {
      json({ _id: '1', id: this.model, sha: COMMIT, private: false, downloads: 0, likes: 0, gated: false })
    } else if (pathname.startsWith(`/${this.model}/resolve/${COMMIT}/`)) {
      this.#sendFile(pathname.split('/').at(-1)!, headers.range as string | undefined, response)
    } else {
      response.writeHead(404).end()
    }
  }

  #sendFile(path: string, range: string | undefined, response: ServerResponse): void {
    const bytes = this.#files.get(path)!
    const from = this.ranges ? Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0) : 0
    const request = { path, from }
    this.requests.push(request)
    if (this.fault(request, response, bytes)) return
    response.writeHead(this.ranges && range ? 206 : 200, { 'Content-Length': bytes.length - from })
    response.end(bytes.subarray(from))
  }
}

/** Large files are in large-file storage, which states a sha256; others have the hash of git. */
function treeEntry(path: string, bytes: Buffer) {
  const git = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  if (!path.endsWith('.safetensors')) return { type: 'file', path, size: bytes.length, oid: git }
  const oid = createHash('sha256').update(bytes).digest('hex')
  return { type: 'file', path, size: bytes.length, oid: git, lfs: { oid, size: bytes.length, pointerSize: 130 } }
}
