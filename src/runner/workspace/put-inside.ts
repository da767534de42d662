import { closeSync, constants, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { systemCode } from '../../lib/index.ts'
import { enterFolder, isAbsent, moveAside, openFolder, openIn, openUp, pathOf } from './descend.ts'
import { linkAt } from './link-way.ts'

/**
 * Puts a plain file of ours at this path below `root`, whatever a step left there or on the way: a link is replaced, never
 * followed, a folder in its place gets another name, folders are made, and opened where they were closed to us. Throws if it cannot
 * be written.
 */
export function putInside(root: string, path: string, text: string): void {
  inFolderOf(root, path, enterPlain, (folder, name) => {
    openUp(folder)
    replace(folder, name, text)
  })
}

/** Makes the link at this path below `root` say `target` again, if it does not. Nothing happens if its folder is not there. */
export function linkInside(root: string, path: string, target: string): void {
  try {
    inFolderOf(root, path, enterIfThere, (folder, name) => {
      const link = `${pathOf(folder)}/${name}`
      if (linkAt(link) === target) return
      openUp(folder)
      takeAway(folder, name)
      symlinkSync(target, link)
    })
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

/** Takes away a file or link; a folder by that name is moved aside. */
function takeAway(folder: number, name: string): void {
  try {
    unlinkSync(`${pathOf(folder)}/${name}`)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') moveAside(folder, name)
  }
}

function inFolderOf(
  root: string,
  path: string,
  enter: (folder: number, name: string) => number,
  use: (folder: number, name: string) => void,
): void {
  const names = path.split('/')
  if (names.some((name) => name === '' || name === '.' || name === '..'))
    throw new Error(`${path} is no path below a folder`)
  const name = names.pop() ?? ''
  let fd = openFolder(root)
  try {
    for (const one of names) {
      const next = enter(fd, one)
      closeSync(fd)
      fd = next
    }
    use(fd, name)
  } finally {
    closeSync(fd)
  }
}

const enterIfThere = (folder: number, name: string) => openIn(folder, name, constants.O_DIRECTORY)

function enterPlain(folder: number, name: string): number {
  openUp(folder)
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
