import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../../lib/index.ts'
import { groupPrefix } from './group.ts'
import { isLeftBehind } from '../own-name.ts'

/** Makes a folder for a group and writes its limits; false, with nothing left, if that is not allowed. */
export function makeGroupFolder(
  folder: string,
  settings: readonly (readonly [file: string, value: string])[],
): boolean {
  try {
    mkdirSync(folder)
  } catch {
    return false
  }
  try {
    for (const [file, value] of settings) writeFileSync(join(folder, file), value)
    return true
  } catch {
    removeGroupFolder(folder)
    return false
  }
}

/** Writes what not every kernel has. */
export function writeIfThere(path: string, value: string): void {
  try {
    writeFileSync(path, value, { flag: 'r+' })
  } catch {
    // The limit beside it holds without it.
  }
}

/** False while the kernel still counts something in it. */
export function removeGroupFolder(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    return systemCode(error) === 'ENOENT'
  }
}

/** Removes the groups that killed supervisors left below `parent`, if they are empty: the kernel removes no other. */
export function sweepGroups(parent: string): void {
  const left = namesIn(parent).filter((name) => isLeftBehind(name, groupPrefix))
  for (const name of left) removeGroupFolder(join(parent, name))
}

/** A count of a flat keyed file such as memory.events or memory.oom_control; 0 if it is not there. */
export function countOf(path: string, key: string): number {
  const text = textOf(path)
  const line = text.split('\n').find((one) => one.startsWith(`${key} `))
  return Number(line?.slice(key.length + 1) ?? 0)
}

/** The number that is all of a file such as memory.peak; undefined if it is not there. */
export function numberIn(path: string): number | undefined {
  const text = textOf(path).trim()
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined
}

/** Words of a file such as cgroup.controllers; none if it is not there. */
export function wordsOf(path: string): string[] {
  return textOf(path).split(/\s+/).filter(Boolean)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
