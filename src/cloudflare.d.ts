// What the Workers runtime adds to the module system and the parts of it that this project uses.
declare module 'cloudflare:workers' {
  export abstract class DurableObject<Env> {
    protected readonly ctx: {
      abort(reason: string): void
      readonly storage: { readonly sql: SqlStorage; setAlarm(at: number): Promise<void> }
    }
    protected readonly env: Env
    constructor(ctx: unknown, env: Env)
    fetch?(request: Request): Response | Promise<Response>
  }

  export abstract class WorkerEntrypoint<Env> {
    protected readonly env: Env
    fetch?(request: Request): Response | Promise<Response>
  }
}

declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}

// Emscripten's glue around dist/xgrammar.wasm (scripts/build-grammar.ts).
declare module '*/dist/xgrammar.js' {
  const open: (options: object) => Promise<unknown>
  export default open
}
