/** What `each` makes of the tokens, and their end. Closing it closes them. */
export function relay<Token, Made, End>(
  tokens: AsyncGenerator<Token, End>,
  each: (token: Token) => Made,
): AsyncGenerator<Made, End>
/** `isOver`: after which token it ends, without the end that the tokens would have had. */
export function relay<Token, Made, End>(
  tokens: AsyncGenerator<Token, End>,
  each: (token: Token) => Made,
  isOver: () => boolean,
): AsyncGenerator<Made, End | undefined>
export async function* relay<Token, Made, End>(
  tokens: AsyncGenerator<Token, End>,
  each: (token: Token) => Made,
  isOver = () => false,
): AsyncGenerator<Made, End | undefined> {
  try {
    for (;;) {
      const step = await tokens.next()
      if (step.done) return step.value
      yield each(step.value)
      if (isOver()) return undefined
    }
  } finally {
    // The value is for a generator that still runs, and nobody reads it.
    await tokens.return(undefined as End)
  }
}
