import type { AssetFetcher } from '../weights/assets-store.ts'

/** First parts of the paths that the app answers (app.ts); whatever is none of them may be a page. */
const API = new Set(['v1', 'healthz', 'health', 'props', 'tokenize', 'detokenize', 'metrics'])
/** The folder of packs, which are read by Workers and not by their visitors. */
const HIDDEN = 'weights'

interface PageBindings {
  readonly ASSETS: AssetFetcher
  readonly ALLOWED_ORIGINS?: string
}

export function isApi({ method, url }: Request): boolean {
  const [, first] = new URL(url).pathname.split('/')
  return API.has(first) || !['GET', 'HEAD'].includes(method)
}

/**
 * A page or another static asset, or what `missing` answers where there is none. Every path comes here first: static assets are found by decoded
 * paths, so that a list of paths that are kept from them would have its ways around.
 */
export async function servePage(
  request: Request,
  { ASSETS, ALLOWED_ORIGINS }: PageBindings,
  missing: (request: Request) => Promise<Response>,
): Promise<Response> {
  if (isHidden(new URL(request.url).pathname)) return missing(request)
  const asset = await ASSETS.fetch(request.url, request)
  const type = asset.headers.get('Content-Type')
  // To the disk of a workerd by itself all files are of one type: what of them is a page, serve/front.js serves.
  if (asset.status === 404 || type === 'application/octet-stream') {
    await asset.body?.cancel()
    return missing(request)
  }
  if (!type?.startsWith('text/html')) return asset
  const page = new Response(asset.body, asset)
  page.headers.append('Content-Security-Policy', frameAncestors(ALLOWED_ORIGINS))
  page.headers.set('X-Content-Type-Options', 'nosniff')
  page.headers.set('Referrer-Policy', 'no-referrer')
  return page
}

/** The sites whose pages may ask are those that may show this one in a frame. */
function frameAncestors(allowedOrigins = ''): string {
  const allowed = allowedOrigins.split(/[\s,;]+/).filter(Boolean)
  return `frame-ancestors ${["'self'", ...allowed].join(' ')}`
}

function isHidden(pathname: string): boolean {
  let path = pathname
  try {
    for (let last = ''; path !== last; path = decodeURIComponent(path)) last = path
  } catch {
    // What cannot be decoded names no asset.
    return true
  }
  return path.split(/[\\/]+/).some((part) => part.toLowerCase() === HIDDEN)
}
