import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { runMayfly, type Ran, type Stage } from '../../demo/stage.ts'

/** A step of a workflow, of what a moved one has. */
export interface Step {
  readonly id?: string
  readonly run?: string
  readonly shell?: string
  readonly env?: Record<string, string>
}

/** As GitHub's runner does it: expressions are filled in, the script is written to a file of the runner, and \`shell` gets its path. */
export async function runStep(
  stage: Stage,
  step: Step,
  env: Record<string, string>,
  outputs: Record<string, string>,
): Promise<Ran> {
  const temp = mkdtempSync(join(stage.folder, 'runner-'))
  const script = (step.run ?? '').replaceAll(
    /\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}/g,
    (_, id, name) => outputs[`${id}.${name}`] ?? '',
  )
  writeFileSync(join(temp, 'script.sh'), script)
  writeFileSync(join(temp, 'output'), '')
  const [program, ...args] = (step.shell ?? '')
    .split(' ')
    .map((word) => word.replace('{0}', join(temp, 'script.sh')))
  assert.equal(program, 'mayfly')
  const ran = await runMayfly(
    args,
    {
      ...stage.jobEnvironment(),
      ...env,
      ...step.env,
      GITHUB_ACTIONS: 'true',
      GITHUB_OUTPUT: join(temp, 'output'),
      RUNNER_TEMP: temp,
    },
    { cwd: stage.workspace },
  )
  // NAME=VALUE, or NAME<<END, the value, END.
  const written = readFileSync(join(temp, 'output'), 'utf8')
  for (const [, name, plain, , long] of written.matchAll(/^(\w+)(?:=(.*)|<<(.+)\n([^]*?)\n\3)$/gm))
    outputs[`${step.id}.${name}`] = plain ?? long ?? ''
  return ran
}
