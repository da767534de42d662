import { existsSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Ran, Stage } from '../../../demo/stage.ts'
import { findProgram, toolsFor } from '../suite.ts'

/** The system's own, which a step sees. */
export const pip = '/usr/bin/python3 -m pip --no-cache-dir install --no-warn-script-location'

/** Each step has a workspace of its own: a role that publishes does not start where others have been. */
export function workspaceOf(
  { stage }: { readonly stage: Stage },
  files: Readonly<Record<string, string>> = {},
): string {
  const workspace = mkdtempSync(join(stage.folder, 'step-'))
  for (const [path, text] of Object.entries(files)) writeFileSync(join(workspace, path), text)
  return workspace
}

export function inStep(
  { stage }: { readonly stage: Stage },
  role: string,
  tools: readonly string[],
  workspace: string,
  script: string,
  options: readonly string[] = [],
): Promise<Ran> {
  const env = stage.jobEnvironment()
  const folders = tools.map((tool) => dirname(findProgram(tool) ?? ''))
  return stage.runJob(
    [
      'run',
      '--role',
      role,
      '--workspace',
      workspace,
      ...toolsFor(tools),
      ...venvTools(tools),
      ...options,
      '--',
      'bash',
      '-c',
      script,
    ],
    { ...env, PATH: [...folders, env['PATH']].join(':') },
  )
}

/** A venv's Python is a link to the one that it was made with. */
function venvTools(tools: readonly string[]): string[] {
  const folders = tools.flatMap((tool) => {
    const python = join(dirname(findProgram(tool) ?? ''), '../venv/bin/python3')
    return existsSync(python) ? [dirname(dirname(realpathSync(python)))] : []
  })
  return folders.filter((folder) => !folder.startsWith('/usr')).flatMap((folder) => ['--tools', folder])
}
