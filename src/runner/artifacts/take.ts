import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { MayflyError, systemCode } from '../../lib/index.ts'
import { inFolder, pathOf, type StepWorkspace } from '../workspace/index.ts'
import type { Artifact, Artifacts } from './artifact.ts'
import { copyIn, Unfit } from './copy.ts'

/**
 * Puts what earlier steps handed on into the workspace of a step that has not begun, and returns what that was; of two files with one
 * path the later one counts. In the workspace that they come from they are already, in whatever state other steps have left them
 * since: nothing is taken there. Throws `conflict` for a file that would
 * take the place of one of the checkout, unless the pipeline names its path.
 */
export async function takeArtifacts(
  workspace: Pick<StepWorkspace, 'kind' | 'path' | 'id'>,
  inputs: readonly Artifacts[],
): Promise<Artifact[]> {
  const taken = new Map<string, Artifact>()
  for (const { step, folder, files, workspace: from } of inputs)
    for (const file of files) {
      if (from === workspace.id || folder === undefined) continue
      const mayReplace = file.named || taken.has(file.path) || workspace.kind !== 'fresh'
      await put(workspace.path, file, join(folder, file.sha256), mayReplace).catch((error: unknown) => {
        throw explained(error, step, file)
      })
      taken.set(file.path, file)
    }
  return [...taken.values()]
}

async function put(root: string, file: Artifact, from: string, mayReplace: boolean): Promise<void> {
  const names = file.path.split('/')
  const name = names.pop() ?? ''
  await inFolder(root, names, 'make', async (folder) => {
    const there = lstatSync(`${pathOf(folder)}/${name}`, { throwIfNoEntry: false })
    if (there !== undefined && !mayReplace) throw new Unfit('is in the checkout, too')
    await copyIn(from, { folder, name }, file)
  })
}

function explained(error: unknown, step: string, { path }: Artifact): unknown {
  const what = `the artifact ${JSON.stringify(path)} of step "${step}"`
  if (error instanceof Unfit && error.message === 'is in the checkout, too')
    return new MayflyError(
      'conflict',
      `${what} is in the checkout, too: hand it on under another path, or name it in full under \`artifacts\` if it is to replace that one`,
    )
  if (error instanceof Unfit)
    return new MayflyError('conflict', `${what} ${error.message}: nothing was taken`)
  if (['ENOTDIR', 'ELOOP', 'EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? ''))
    return new MayflyError(
      'conflict',
      `${what} cannot be put into the workspace: a link, a file or a folder is in its place`,
      { cause: error },
    )
  return error
}
