import type { IncomingMessage } from 'node:http'
import { limits } from '../../lib/index.ts'

/** Bodies that lie in memory until they are sent on: bounded for all steps together. */
export interface Reading {
  /** Room for this body, or why there is none. A body that does not say how long it is counts as the longest. */
  room(request: IncomingMessage): { readonly release: () => void } | string
}

export function createReading(): Reading {
  let bytes = 0
  return {
    room({ headers }) {
      const said = Number(headers['content-length'] ?? limits.mavenPublishBytes)
      const asked = said >= 0 ? Math.min(said, limits.mavenPublishBytes) : limits.mavenPublishBytes
      if (bytes + asked > limits.publishingBytes)
        return 'too many files are being published at once: try again'
      bytes += asked
      let isHeld = true
      const release = () => {
        if (isHeld) bytes -= asked
        isHeld = false
      }
      return { release }
    },
  }
}
