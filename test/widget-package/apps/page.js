// What the apps have from the test, and tell it. Not in the page's HTML: its policy allows no script there.
export const endpoint = new URLSearchParams(location.search).get('api')

export const suggestions = ['What is a fox?']

export const tokenProvider = () => Promise.resolve('token-of-the-page')

globalThis.happened = []

export function tell(event) {
  globalThis.happened.push(event.type)
}
