/** What a Content-Type says, without its parameters; empty for none, which servers take for JSON. */
export function mediaOf(type: string | undefined): string {
  return type?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

export const protobuf = 'application/vnd.kubernetes.protobuf'
/** Server-side apply: kubectl and Go's clients send JSON by this name. */
export const applied = 'application/apply-patch+yaml'

export function isApply(media: string): boolean {
  return /^application\/apply-patch\+[a-z]+$/.test(media)
}
