import type { IncomingHttpHeaders } from 'node:http'

/**
 * The type of a body, in lower case, empty where it has none; `unknown` where it may be in another encoding than UTF-8, or has other
 * parameters, by which its service could read it otherwise.
 */
export function readType(headers: IncomingHttpHeaders): string {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const isPlain = parameters.every((one) => /^(?:charset=(?:utf-8|"utf-8"))?$/.test(one.trim()))
  return isPlain ? type.trim() : 'unknown'
}
