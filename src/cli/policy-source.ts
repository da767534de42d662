import { readFromGit } from './git-source.ts'
import type { PolicyText } from './policy-text.ts'

/**
 * Reads a file, a folder with a mayfly.yaml, or a commit, and checks it as the server will, its tests included. Throws
 * `bad_input` with what to do, or `config_invalid` with every problem.
 */
export async function readPolicy(path: string, git: string | undefined): Promise<PolicyText> {
  // Loaded here: `mayfly run` reads files by these modules, too, and must start fast.
  const { checkText, readChecked } = await import('./policy-input.ts')
  if (git === undefined) return readChecked(path)
  const policy = await readFromGit(git, path)
  checkText(policy)
  return policy
}
