import { MayflyError } from '../lib/index.ts'
import { configError, readPolicyFiles } from '../config/index.ts'
import { compileDocument, failedTests, type CompiledDocument } from '../rules/index.ts'
import { createOperatorApi } from './operator-api.ts'

/** The policy of a file or folder, compiled. Throws `bad_input`, or `config_invalid` with every problem. */
export function readCompiled(path: string): CompiledDocument {
  const { text, file } = readPolicyFiles(path)
  return compiledOf(text, file)
}

/**
 * A policy as it is sent: what the server would refuse is told without it, tests included. Throws `bad_input` or
 * `config_invalid`.
 */
export function readChecked(path: string): { text: string; file: string } {
  const { text, file } = readPolicyFiles(path)
  checkText({ text, file })
  return { text, file }
}

/** Throws `config_invalid` with every problem of the text, failed tests included. */
export function checkText({ text, file }: { text: string; file: string }): void {
  const failed = failedTests(compiledOf(text, file))
  if (failed.length > 0) throw configError(failed)
}

/** The policy of a file, or the one in force on the server. */
export async function policyOf(options: { file?: string; server?: string }): Promise<CompiledDocument> {
  if (options.file !== undefined) return readCompiled(options.file)
  const { version, text } = await createOperatorApi({ server: options.server }).call<{
    version: number
    text: string
  }>('GET', '/v1/policy')
  return compiledOf(text, `version ${version}`)
}

/** Seconds of a time span such as 30d, 12h or 90m. Throws `bad_input`. */
export function spanSeconds(text: string): number {
  const [, count, unit] = /^([1-9][0-9]{0,4})([mhd])$/.exec(text) ?? []
  if (count === undefined || unit === undefined)
    throw new MayflyError('bad_input', `${text} is no time span: write 30d, 12h or 90m`)
  return Number(count) * ({ m: 60, h: 3_600, d: 86_400 }[unit] ?? Number.NaN)
}

function compiledOf(text: string, file: string): CompiledDocument {
  const result = compileDocument(text, file)
  if (!result.ok) throw configError(result.problems)
  return result.compiled
}
