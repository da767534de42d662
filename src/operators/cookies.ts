/** `__Host-` binds a cookie to this very host and to TLS (RFC 6265bis, section 4.1.3); plain http has loopback only. */
export function cookieNames(url: string): { readonly session: string; readonly signIn: string } {
  const prefix = url.startsWith('https:') ? '__Host-' : ''
  return { session: `${prefix}mayfly`, signIn: `${prefix}mayfly-sign-in` }
}

/** A `Set-Cookie` value. Lax, not Strict: a link in a message must find its reader signed in. */
export function setCookie(url: string, name: string, value: string, maxAgeSeconds: number): string {
  const secure = url.startsWith('https:') ? '; Secure' : ''
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`
}

/** The cookie's value; undefined if it is not there, or there twice: then one of them is somebody else's. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  const values = (header ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1))
  const [value, second] = values
  return second === undefined && value !== undefined && /^[\w.-]{1,2048}$/.test(value) ? value : undefined
}
