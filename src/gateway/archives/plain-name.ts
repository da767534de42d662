/** File systems take no longer one. */
const maxPartChars = 255

/**
 * Whether all readers, on all systems, put an entry of this name in the same place: there is no way out of the folder, nothing that is
 * dropped on the way to the disk (npm cuts `C:` off, on Linux too), no other separator than `/`, and no part that is longer than file
 * systems take. A folder may end with one.
 */
export function isPlainName(name: string): boolean {
  const parts = name.replace(/\/$/, '').split('/')
  // eslint-disable-next-line no-control-regex
  return (
    !/[\\:\u0000-\u001f\u007f\ufffd]/.test(name) &&
    parts.every((part) => !['', '.', '..'].includes(part) && part.length <= maxPartChars)
  )
}
