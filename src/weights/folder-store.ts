import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseStoredManifest } from './stored-manifest.ts'
import { MANIFEST_FILE, type WeightStore } from './weight-store.ts'
import { shardMissing } from './weights-error.ts'

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

/** A pack in a local folder (Node only). */
export function folderStore(folder: string): WeightStore {
  return {
    async manifest() {
      const path = join(folder, MANIFEST_FILE)
      const text = await readFile(path, 'utf8').catch((error) => {
        if (isMissing(error)) return null
        throw error
      })
      return parseStoredManifest(text, path)
    },

    async open(file, offset, bytes) {
      const path = join(folder, file)
      const handle = await open(path).catch((error) => {
        throw isMissing(error) ? shardMissing(path) : error
      })
      return { stream: fileStream(handle, offset, offset + bytes), start: offset }
    },
  }
}

function fileStream(handle: FileHandle, from: number, to: number): ReadableStream<Uint8Array> {
  let at = from
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const request = (controller as ReadableByteStreamController).byobRequest!
      const view = request.view as Uint8Array<ArrayBuffer>
      const { bytesRead } = await handle.read(view, 0, Math.min(view.byteLength, to - at), at)
      at += bytesRead
      if (bytesRead === 0) {
        await handle.close()
        controller.close()
      }
      request.respond(bytesRead)
    },
    cancel: () => handle.close(),
  })
}
