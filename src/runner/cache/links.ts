/**
 * Does a link at this path of a folder lead to something in it, whatever other links like it are there? Its way goes up first, no
 * further than the folder, and then only down: `a/..` is not `.` where `a` is a link.
 */
export function staysInside(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/')) return false
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  const up = parts.findIndex((part) => part !== '..')
  const ups = up === -1 ? parts.length : up
  return ups <= path.split('/').length - 1 && !parts.slice(ups).includes('..')
}
