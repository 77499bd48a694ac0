// Loaded before Portkey, which has no option for it: what listens on a port listens on the loopback interface only.
import { Server } from 'node:net'

const { listen } = Server.prototype
Server.prototype.listen = function (this: Server, port: number, ...rest: never[]) {
  const done = rest.findLast((argument) => typeof argument === 'function')
  return listen.call(this, { port, host: '127.0.0.1' } as never, done)
} as never
