import { isStartupVariable } from '../../lib/index.ts'

/** What a dotenv file may hold. */
export const maxDotenvBytes = 1_048_576

/**
 * Of a file of variables that the CI takes from the workspace after the job (GitLab, `artifacts:reports:dotenv`), what may go on,
 * and a line for each that may not. `text` is undefined for what is no plain file, or too long.
 */
export function checkDotenv(
  text: string | undefined,
  how: { readonly startupAllowed: boolean; readonly mask: (text: string) => string },
): { readonly text: string; readonly refused: readonly string[] } {
  if (text === undefined) return { text: '', refused: ['no plain file of at most 1 MiB: it is empty now'] }
  const refused: string[] = []
  const kept = text.split('\n').filter((line) => {
    const why = whyNot(line, how)
    if (why !== undefined) refused.push(why)
    return why === undefined
  })
  return { text: how.mask(kept.join('\n')), refused }
}

function whyNot(
  line: string,
  { startupAllowed, mask }: Parameters<typeof checkDotenv>[1],
): string | undefined {
  if (/^[ \t\r]*(?:#[^\0]*)?$/.test(line)) return undefined
  // What reads the file later may pass over a NUL or another sign that is in no name.
  const name = line.includes('\0')
    ? undefined
    : /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=/.exec(line)?.[1]
  if (name === undefined) return 'a line that is not NAME=VALUE was taken out'
  if (!isStartupVariable(name) || startupAllowed) return undefined
  return `${mask(name)} was taken out, since it changes how later programs start; a role that may do so says allow: [startup-variables]`
}
