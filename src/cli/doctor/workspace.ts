import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, relative } from 'node:path'
import type { Check, Finding } from './check.ts'

/** The folder that a step may write to, and read as a whole. */
export const checkWorkspace: Check = async ({ workspace, environment, dataFolder }) => {
  const finding = (state: Finding['state'], says: string, mend?: string): Finding => ({
    name: 'workspace',
    state,
    says,
    ...(mend === undefined ? {} : { mend }),
  })
  const elsewhere = 'run in the checkout of the job, or name it with --workspace'
  if (statSync(workspace, { throwIfNoEntry: false })?.isDirectory() !== true)
    return finding('fail', `${workspace} is no folder`, elsewhere)
  const real = realpathSync(workspace)
  const held = [
    [environment.variables['HOME'], 'the home, with its keys and credentials'],
    [dataFolder, 'the data folder of mayfly up, with its keys'],
  ] as const
  for (const [path, what] of held)
    if (path !== undefined && existsSync(path) && isWithin(realpathSync(path), real))
      return finding('fail', `${real} holds ${what}: a step could read it`, elsewhere)
  if (!isWritable(real)) return finding('warn', `${real} is not yours to write: steps cannot either`)
  return finding('ok', real)
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (!way.startsWith('..') && !isAbsolute(way))
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
