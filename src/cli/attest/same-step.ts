import { existsSync } from 'node:fs'
import { MayflyError, sha256Hex } from '../../lib/index.ts'
import { shellCommand } from '../../runner/index.ts'
import { readText } from '../text-file.ts'
import type { Side } from './compare-builds.ts'

const usualFile = '.mayfly/pipeline.yaml'

/**
 * The command of a build, from the pipeline file of the checkout, from the command line, or as it stands in the provenance; whichever it
 * is, it has the digest that the provenance names. Throws `bad_input`.
 */
export async function sameStep(
  { made }: Side,
  given: readonly string[],
  options: { readonly file?: string; readonly workspace: string },
): Promise<readonly string[]> {
  const { of, text = '', sha256 } = made.script
  if (sha256 === undefined)
    throw new MayflyError(
      'bad_input',
      'the provenance has no digest of its command, since a secret stood in it: nothing shows what to run again',
    )
  if (of === 'run') {
    if (given.length > 0)
      throw new MayflyError(
        'bad_input',
        'it was a step of a pipeline file: name that (--file), and no command',
      )
    return fromPipeline(made.step, sha256, options.file ?? usualFile)
  }
  const command = given.length > 0 ? given : text.split(' ')
  if (digestOf(command) === sha256) return command
  throw new MayflyError(
    'bad_input',
    given.length > 0
      ? 'that is another command than the one that ran: its digest differs'
      : 'the provenance has its command cut or with blanks in its arguments: give it behind --',
  )
}

function digestOf(command: readonly string[]): string {
  return sha256Hex(command.map((one) => `${one}\0`).join(''))
}

async function fromPipeline(
  name: string | undefined,
  sha256: string,
  file: string,
): Promise<readonly string[]> {
  if (!existsSync(file))
    throw new MayflyError(
      'bad_input',
      `there is no ${file}: name the pipeline file that it ran in, with --file`,
    )
  const { configError, readPipeline } = await import('../../config/index.ts')
  const read = readPipeline(readText(file), file)
  if (!read.ok) throw new MayflyError('bad_input', configError(read.problems).message)
  const same = read.pipeline.steps.filter(({ run }) => sha256Hex(run) === sha256)
  const step = same.find((one) => one.name === name) ?? same[0]
  if (step === undefined)
    throw new MayflyError(
      'bad_input',
      `no step of ${file} has the script that ran: name the file that it ran in`,
    )
  // Its variables are set within the sandbox: in our own environment NODE_OPTIONS would run what the checkout says, outside of it.
  const env = Object.entries(step.env).map(([variable, value]) => `${variable}=${value}`)
  const shell = shellCommand(step.run, step.isolation)
  return env.length === 0 ? shell : ['/usr/bin/env', ...env, ...shell]
}
