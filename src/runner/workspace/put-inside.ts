import { closeSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { systemCode } from '../../lib/index.ts'
import { enterFolder, isAbsent, moveAside, openFolder, openUp, pathOf } from './descend.ts'

/**
 * Puts a plain file of ours at this path below `root`, whatever a step left there or on the way: a link is replaced, never
 * followed, a folder in its place gets another name, folders are made, and opened where they were closed to us. Throws if it cannot
 * be written.
 */
export function putInside(root: string, path: string, text: string): void {
  const names = path.split('/')
  if (names.some((name) => name === '' || name === '.' || name === '..'))
    throw new Error(`${path} is no path below a folder`)
  const name = names.pop() ?? ''
  let fd = openFolder(root)
  try {
    openUp(fd)
    for (const one of names) {
      const next = enterPlain(fd, one)
      closeSync(fd)
      fd = next
      openUp(fd)
    }
    replace(fd, name, text)
  } finally {
    closeSync(fd)
  }
}

function enterPlain(folder: number, name: string): number {
  try {
    return enterFolder(folder, name)
  } catch (error) {
    if (!isAbsent(error)) throw error
    moveAside(folder, name)
    return enterFolder(folder, name)
  }
}

function replace(folder: number, name: string, text: string): void {
  const made = `${pathOf(folder)}/.mayfly-${process.pid}-${process.hrtime.bigint()}`
  const put = () => renameSync(made, `${pathOf(folder)}/${name}`)
  try {
    writeFileSync(made, text, { flag: 'wx', mode: 0o644 })
    try {
      put()
    } catch (error) {
      if (!['EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error
      moveAside(folder, name)
      put()
    }
  } catch (error) {
    rmSync(made, { force: true })
    throw error
  }
}
