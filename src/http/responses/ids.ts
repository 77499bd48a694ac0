/** `resp_` and 122 random bits in hexadecimal digits: whoever knows it may read, continue, cancel and delete the response. */
export type ResponseId = `resp_${string}`

const ITEM = /^[a-z]+_([0-9a-f]{32})\d{4,}$/

export function newResponseId(): ResponseId {
  return `resp_${crypto.randomUUID().replaceAll('-', '')}`
}

/** The id of an item, by its place among the input and the output of its response: the same one whenever the response is told. */
export function itemId(kind: 'msg' | 'rs' | 'fc' | 'call', response: ResponseId, index: number): string {
  return `${kind}_${response.slice('resp_'.length)}${`${index}`.padStart(4, '0')}`
}

/** The response that an item belongs to; undefined for an id that was not made here. */
export function responseOfItem(id: string): ResponseId | undefined {
  const match = ITEM.exec(id)
  return match ? `resp_${match[1]}` : undefined
}
