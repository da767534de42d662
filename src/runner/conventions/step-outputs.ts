import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readInside } from '../workspace/index.ts'
import { readVariables } from './variables.ts'

/** Names the file that a step writes its outputs to, as `NAME=VALUE` or `NAME<<END`, lines, `END`. */
export const outputVariable = 'MAYFLY_OUTPUT'
export const outputFileInside = '/run/mayfly/ci/mayfly_output'

/** A value becomes a variable of later steps; Linux has no room for more than 128 KiB in one. */
const maxValueBytes = 32_768
const maxFileBytes = 262_144

export interface StepOutputs {
  readonly outputs: Readonly<Record<string, string>>
  /** What was not taken, and why: a line for all that are not declared, and one for each other. */
  readonly refused: readonly string[]
  /** Of those that are declared nothing was left out: else later steps would go on without what the step said. */
  readonly isWhole: boolean
}

/**
 * Reads what a step wrote: declared names only, secrets taken out. `text` is undefined if there was more than is read. Where nothing
 * is declared nothing can be lost.
 */
export function readOutputs(
  text: string | undefined,
  declared: readonly string[],
  mask: (text: string) => string,
): StepOutputs {
  const none = (why: string): StepOutputs => ({
    outputs: {},
    refused: [`$${outputVariable}: ${why}`],
    isWhole: declared.length === 0,
  })
  if (text === undefined || Buffer.byteLength(text) > maxFileBytes)
    return none(`more than ${maxFileBytes / 1024} KiB: nothing of it was taken`)
  if (text === '') return { outputs: {}, refused: [], isWhole: true }
  const read = readVariables(text, 'github')
  if (!read.ok) return none(`line ${read.line} is not NAME=VALUE: nothing of it was taken`)
  const outputs: Record<string, string> = {}
  const refused: string[] = []
  const unknown = new Set<string>()
  let isWhole = true
  for (const { name, value } of read.variables) {
    const shown = mask(name).slice(0, 60)
    if (!declared.includes(name)) unknown.add(JSON.stringify(shown))
    else if (value.includes('\0') || Buffer.byteLength(value) > maxValueBytes) {
      refused.push(`${shown} was not taken: its value has a NUL, or more than ${maxValueBytes / 1024} KiB`)
      isWhole = false
    } else outputs[name] = mask(value)
  }
  if (unknown.size > 0) refused.push(undeclared([...unknown]))
  return { outputs, refused: refused.map((why) => `$${outputVariable}: ${why}`), isWhole }
}

function undeclared(names: readonly string[]): string {
  const more = names.length > maxNamed ? ` and ${names.length - maxNamed} more` : ''
  const [were, them] = names.length === 1 ? ['was', 'it'] : ['were', 'them']
  return `${names.slice(0, maxNamed).join(', ')}${more} ${were} not taken: the step’s \`outputs\` do not name ${them}`
}

const maxNamed = 8

/** The file of a step without a sandbox. */
export function createOutputFile(): { path: string; read(): string | undefined; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-outputs-'))
  const path = join(folder, 'outputs')
  writeFileSync(path, '', { mode: 0o600 })
  return {
    path,
    read: () => readInside(folder, 'outputs', maxFileBytes),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
