import type { Confidence, Found, Looked } from './model.ts'

/** A content as scan/unpack hands it on. */
export function lookedAt(text: string | Buffer, more: Partial<Looked> = {}): Looked {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return {
    ...{ name: 'app.env', bytes, from: 0, to: bytes.length, isBinary: false, decoded: [] },
    position(offset) {
      const lines = bytes.toString('utf8', 0, offset).split('\n')
      return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
    },
    ...more,
  }
}

/** A hit where `secret` stands in the content, for the `nth` time. */
export function hitOn(
  looked: Looked,
  secret: string,
  more: { id?: string; confidence?: Confidence; checked?: boolean; generic?: boolean; nth?: number } = {},
): Found {
  let start = looked.bytes.indexOf(secret)
  for (let nth = more.nth ?? 0; nth > 0; nth--) start = looked.bytes.indexOf(secret, start + 1)
  if (start === -1) throw new Error('it is not there')
  return {
    rule: {
      ...{ id: more.id ?? 'acme-token', confidence: more.confidence ?? 'likely' },
      ...(more.generic === true ? { finder: 'named-secret' } : {}),
    },
    ...{ start, end: start + Buffer.byteLength(secret), checked: more.checked ?? false },
  }
}
