import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { messageOf } from '../../lib/index.ts'
import type { CiFile } from './ci-files.ts'
import { isStartupVariable } from '../../lib/index.ts'
import { readVariables, writeVariable, type Variable } from './variables.ts'

/** What a step said to those after it, and what became of it. */
export interface HandedBack {
  /** One line for each that was refused, and why. */
  readonly refused: readonly string[]
  /** Every file could be read: the CI itself fails a step whose file is malformed. */
  readonly isWhole: boolean
  /** What was taken of the files that set variables, by the variable that names the file. */
  readonly set: ReadonlyMap<string, readonly Variable[]>
}

interface Request {
  readonly files: readonly CiFile[]
  /** What the step wrote; undefined where that is more than a file may hold. */
  readonly written: ReadonlyMap<string, string | undefined>
  /** The role's word for it: `allow: [startup-variables]`. */
  readonly startupAllowed: boolean
  readonly workspaceInside: string
  /** Takes the job's secrets out. */
  readonly mask: (text: string) => string
}

/** Writes to the CI's own files what may go there, and says what may not. Throws nothing: a step's end must not fail by it. */
export function handBack(request: Request): HandedBack {
  const refused: string[] = []
  const set = new Map<string, readonly Variable[]>()
  let isWhole = true
  for (const file of request.files) {
    const text = request.written.get(file.inside)
    if (text === '') continue
    const checked = text === undefined ? tooLong(file) : check(file, text, request)
    refused.push(...checked.refused.map((why) => `$${file.variable}: ${why}`))
    if (checked.isSpoilt === true) isWhole = false
    if (file.kind === 'variables' && checked.taken !== undefined) set.set(file.variable, checked.taken)
    const problem = append(file.outside, checked.text)
    if (problem !== undefined) refused.push(`$${file.variable}: the CI's file cannot be written: ${problem}`)
  }
  return { refused, isWhole, set }
}

interface Checked {
  /** For the CI's file. */
  readonly text: string
  readonly refused: readonly string[]
  /** Nothing of it was taken, since it has another form. */
  readonly isSpoilt?: boolean
  readonly taken?: readonly Variable[]
}

function tooLong({ kind }: CiFile): Checked {
  const what = kind === 'text' ? 'it is not shown' : 'nothing of it was taken'
  return { text: '', refused: [`more than 1 MiB: ${what}`], isSpoilt: kind !== 'text' }
}

function check(file: CiFile, text: string, request: Request): Checked {
  if (file.kind === 'text') return { text: request.mask(text), refused: [] }
  if (file.kind === 'path') return checkPath(text, request)
  const read = readVariables(text, file.form)
  if (!read.ok)
    return {
      text: '',
      refused: [`line ${read.line} is not NAME=VALUE: nothing of it was taken`],
      isSpoilt: true,
    }
  const refused: string[] = []
  const taken = read.variables.flatMap(({ name, value }) => {
    const why = whyNot(file, { name, value }, request)
    if (why === undefined) return [{ name, value: request.mask(value) }]
    refused.push(why)
    return []
  })
  const lines = taken.map((variable) => writeVariable(variable, file.form))
  for (const [i, { name }] of taken.entries())
    if (lines[i] === undefined) refused.push(`${name} has a value that the CI's file cannot hold`)
  return { text: lines.join(''), refused, taken }
}

const maxNameChars = 128

function whyNot({ kind }: CiFile, { name, value }: Variable, request: Request): string | undefined {
  const form = kind === 'outputs' ? /^[A-Za-z_][A-Za-z0-9_.-]*$/ : /^[A-Za-z_][A-Za-z0-9_]*$/
  if (name.length > maxNameChars || !form.test(name))
    return `${JSON.stringify(request.mask(name).slice(0, 60))} is no name of a variable`
  if (value.includes('\0')) return `${name} has a NUL in its value`
  if (kind === 'variables' && isStartupVariable(name) && !request.startupAllowed)
    return `${name} was not handed on, since it changes how later programs start; a role that may do so says allow: [startup-variables]`
  return undefined
}

/** A later step finds its programs there first, Mayfly itself included: so only a role may say that it is wanted. */
function checkPath(text: string, request: Request): Checked {
  const folders = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const refused: string[] = []
  const taken = folders.filter((folder) => {
    const path = normalize(folder)
    const isPlain = folder.startsWith('/') && !/[:\0\r]/.test(folder)
    const isInside = path === request.workspaceInside || path.startsWith(join(request.workspaceInside, '/'))
    const shown = JSON.stringify(request.mask(folder).slice(0, 120))
    if (!isPlain) refused.push(`${shown} is no absolute path of one folder`)
    else if (!isInside)
      refused.push(`${shown} is not in the workspace: what it names is the step's alone, and gone`)
    else if (!request.startupAllowed)
      refused.push(
        `${shown} was not handed on, since it changes how later programs start; a role that may do so says allow: [startup-variables]`,
      )
    else return true
    return false
  })
  return { text: taken.map((folder) => `${folder}\n`).join(''), refused }
}

/** Nothing is made here: the CI has made its file, and a link in its place is not followed. */
function append(path: string, text: string): string | undefined {
  if (text === '') return undefined
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW)
    try {
      writeFileSync(fd, text)
    } finally {
      closeSync(fd)
    }
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
