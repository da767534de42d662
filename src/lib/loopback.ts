/**
 * A URL with one name for loopback: `localhost`, `127.0.0.1` and `[::1]` are one machine to whoever asks from it, and with one
 * port one server. Any other URL comes back as it is, so that no name from elsewhere ever equals ours.
 */
export function withOneLoopbackName(url: string): string {
  return url.replace(/^(https?:\/\/)(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/]|$)/, '$1localhost')
}

/** Are these addresses to listen on out of everybody else's reach? */
export function isLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === '::1' || host === 'localhost'
}
