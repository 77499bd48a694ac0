/**
 * Reads the text of a tool call, `{"name": "…", "arguments": {…}}` in either order, as it arrives: it follows strings and brackets, to
 * know early what the call is; JSON.parse has the last word when the object ends. Other members are read over.
 */
export class ToolCallScanner {
  #source = ''
  #state: 'open' | 'complete' | 'malformed' = 'open'
  #depth = 0
  #inString = false
  #escaped = false
  /** What must come next in the outer object; 'end' is a comma, the closing brace, or the rest of a number or word. */
  #expects: 'key' | 'colon' | 'value' | 'end' = 'key'
  #stringStart = 0
  #key: string | undefined
  #name: string | undefined
  #argumentsStart: number | undefined
  #argumentsEnd: number | undefined

  /** 'complete': one whole call, and nothing but white space behind it. */
  get state() {
    return this.#state
  }

  /** The text ends inside a string: whatever follows, the model means it as text. */
  get inString(): boolean {
    return this.#inString
  }

  get name(): string | undefined {
    return this.#name
  }

  /** The arguments so far, exactly as they were written; undefined before their opening brace. */
  get arguments(): string | undefined {
    return this.#argumentsStart === undefined
      ? undefined
      : this.#source.slice(this.#argumentsStart, this.#argumentsEnd ?? this.#source.length)
  }

  push(text: string): void {
    const offset = this.#source.length
    this.#source += text
    for (let i = 0; i < text.length && this.#state !== 'malformed'; i++) this.#read(text[i], offset + i)
  }

  #read(character: string, at: number): void {
    if (this.#inString) this.#readString(character, at)
    else if (' \t\n\r'.includes(character)) return
    else if (this.#depth === 0) this.#readOutside(character)
    else if (this.#depth === 1) this.#readMember(character, at)
    else this.#readNested(character, at)
  }

  #readString(character: string, at: number): void {
    if (this.#escaped) {
      this.#escaped = false
    } else if (character === '\\') {
      this.#escaped = true
    } else if (character === '"') {
      this.#inString = false
      if (this.#depth === 1) this.#endString(this.#source.slice(this.#stringStart, at + 1))
    }
  }

  #readOutside(character: string): void {
    if (character === '{' && this.#state === 'open') this.#depth = 1
    else this.#state = 'malformed'
  }

  #readMember(character: string, at: number): void {
    if (this.#expects === 'value') this.#beginValue(character, at)
    else if (this.#expects === 'colon') this.#expect(character, ':', 'value')
    else if (character === '}') this.#endObject()
    else if (this.#expects === 'key') this.#beginKey(character, at)
    else if (character === ',') this.#expects = 'key'
    else if ('"{[]:'.includes(character)) this.#state = 'malformed'
  }

  #expect(character: string, expected: string, next: 'value'): void {
    if (character === expected) this.#expects = next
    else this.#state = 'malformed'
  }

  #beginKey(character: string, at: number): void {
    if (character === '"') this.#beginString(at)
    else this.#state = 'malformed'
  }

  #beginValue(character: string, at: number): void {
    const opening = this.#key === 'name' ? '"' : this.#key === 'arguments' ? '{' : undefined
    if (opening !== undefined && character !== opening) {
      this.#state = 'malformed'
      return
    }
    if (this.#key === 'arguments') this.#argumentsStart = at
    this.#expects = 'end'
    if (character === '"') this.#beginString(at)
    else if (character === '{' || character === '[') this.#depth++
  }

  #readNested(character: string, at: number): void {
    if (character === '"') {
      this.#beginString(at)
    } else if (character === '{' || character === '[') {
      this.#depth++
    } else if (character === '}' || character === ']') {
      this.#depth--
      if (this.#depth === 1 && this.#key === 'arguments') this.#argumentsEnd = at + 1
    }
  }

  #beginString(at: number): void {
    this.#inString = true
    this.#stringStart = at
  }

  /** A key or a value of the outer object has ended. */
  #endString(literal: string): void {
    const text = parsed(literal)
    if (this.#expects === 'key') {
      const repeated =
        (text === 'name' && this.#name !== undefined) || (text === 'arguments' && this.#argumentsStart !== undefined)
      if (typeof text !== 'string' || repeated) this.#state = 'malformed'
      else this.#key = text
      this.#expects = 'colon'
    } else if (this.#key === 'name') {
      if (typeof text === 'string' && text !== '') this.#name = text
      else this.#state = 'malformed'
    }
  }

  #endObject(): void {
    this.#depth = 0
    const whole = this.#name !== undefined && this.#argumentsEnd !== undefined && parsed(this.#source) !== undefined
    this.#state = whole ? 'complete' : 'malformed'
  }
}

/** undefined where the text is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
