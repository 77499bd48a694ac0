// Stands before the edge where workerd runs by itself: Cloudflare and Miniflare serve the chat page from static assets, this does there.

const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', json: 'application/json' }

export default {
  /**
   * @param {{EDGE: Fetcher, ASSETS: Fetcher, HEADERS: Record<string, Record<string, string>>, ALLOWED_ORIGINS: string | null}} env
   * HEADERS: of each path that has a page
   */
  async fetch(request, { EDGE, ASSETS, HEADERS, ALLOWED_ORIGINS }) {
    const { pathname } = new URL(request.url)
    if (!(pathname in HEADERS) || !['GET', 'HEAD'].includes(request.method)) return EDGE.fetch(request)
    const file = pathname === '/' ? '/index.html' : pathname.includes('.') ? pathname : `${pathname}.html`
    const page = await ASSETS.fetch(`http://assets${file}`, { method: request.method })
    const type = TYPES[file.split('.').at(-1)]
    const answer = new Response(page.body, {
      status: page.status,
      headers: { 'Content-Type': type, ...HEADERS[pathname] },
    })
    const frames = (ALLOWED_ORIGINS ?? '').split(/[\s,;]+/).join(' ')
    answer.headers.append('Content-Security-Policy', `frame-ancestors 'self' ${frames}`.trim())
    return answer
  },
}
