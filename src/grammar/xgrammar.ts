/** An object in XGrammar's memory, which no garbage collector frees. */
export interface Handle {
  delete(): void
  /** Another handle of the same object, which goes with the last of them. */
  clone(): Handle
}

export interface NativeMatcher extends Handle {
  AcceptToken(id: number, verbose: boolean): boolean
  AcceptString(text: string, verbose: boolean): boolean
  GetNextTokenBitmask(vocabSize: number): Handle
}

interface VectorString extends Handle {
  /** Bytes: a token may hold a part of a character. */
  push_back(bytes: Uint8Array): void
}

/** What is used of XGrammar's binding (web/src/xgrammar_binding.cc of 0.1.27). All throw where C++ would end the process. */
export interface XGrammar {
  readonly VectorString: new () => VectorString
  vecIntFromJSArray(values: readonly number[]): Handle
  vecIntToView(vector: Handle): Int32Array
  readonly Grammar: { FromEBNF(ebnf: string, root: string): Handle }
  readonly TokenizerInfo: new (
    tokens: Handle,
    type: 'RAW',
    vocabSize: number | undefined,
    stopIds: Handle,
    prefixSpace: boolean,
  ) => Handle
  readonly GrammarCompiler: new (
    tokenizer: Handle,
    threads: number,
    cache: boolean,
  ) => Handle & { CompileGrammar(grammar: Handle): Handle }
  readonly GrammarMatcher: new (
    grammar: Handle,
    stopIds: undefined,
    endsWithoutStop: boolean,
    maxRollback: number,
  ) => NativeMatcher
}

/** Bytes that XGrammar may hold: the vocabulary of 166,000 tokens and some grammars fit in the 16 MiB that it begins with. */
const HEAP_MAX = 28 << 20

export interface OpenedXGrammar {
  readonly binding: XGrammar
  /** What it has written since the last call, as why it failed. */
  takeLog(): string
}

/** @param module dist/xgrammar.wasm, compiled. */
export async function openXGrammar(module: WebAssembly.Module): Promise<OpenedXGrammar> {
  // Late, so that nothing of it runs before a grammar is asked for.
  const { default: glue } = await import('../../dist/xgrammar.js')
  let log: string[] = []
  const write = (line: string) => log.push(line)
  const binding = (await glue({
    heapMax: HEAP_MAX,
    print: write,
    printErr: write,
    instantiateWasm(imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void) {
      void WebAssembly.instantiate(module, imports).then(receive)
      return {}
    },
  })) as XGrammar
  return {
    binding,
    takeLog() {
      const text = log.join('\n')
      log = []
      return text
    },
  }
}
