import { existsInside, readInside, replaceInside } from '../workspace/index.ts'
import { isStartupVariable } from './startup-variables.ts'

const maxBytes = 1_048_576

/**
 * A file of the workspace that the CI takes variables from after the job (GitLab, `artifacts:reports:dotenv`): what may not
 * go on is taken out of it. Returns a line for each, to be told.
 */
export function checkDotenv(request: {
  workspace: string
  path: string
  startupAllowed: boolean
  mask: (text: string) => string
}): string[] {
  const { workspace, path } = request
  if (!existsInside(workspace, path)) return []
  const text = readInside(workspace, path, maxBytes)
  const refused: string[] = []
  const refuse = (why: string) => void refused.push(`${path}: ${why}`)
  if (text === undefined) {
    replaceInside(workspace, path, '')
    refuse('no plain file of at most 1 MiB: it is empty now')
    return refused
  }
  const kept = text.split('\n').filter((line) => {
    if (/^[ \t\r]*(?:#[^\0]*)?$/.test(line)) return true
    // What reads the file later may pass over a NUL or another sign that is in no name.
    const name = line.includes('\0')
      ? undefined
      : /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=/.exec(line)?.[1]
    if (name === undefined) refuse(`a line that is not NAME=VALUE was taken out`)
    else if (isStartupVariable(name) && !request.startupAllowed)
      refuse(
        `${request.mask(name)} was taken out, since it changes how later programs start; a role that may do so says allow: [startup-variables]`,
      )
    else return true
    return false
  })
  const checked = request.mask(kept.join('\n'))
  if (checked !== text) replaceInside(workspace, path, checked)
  return refused
}
