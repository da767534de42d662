import type { RefUpdate } from './push-request.ts'

/** What an update does to a ref. Anything that is not certainly one of the others is `force`. */
export type Change = 'create' | 'fast_forward' | 'force' | 'delete'

/**
 * The change as far as name and ids tell it; undefined for an update of which only the objects tell whether it is a
 * fast-forward. The old id is the client's word: the Git server holds it against the ref, under its lock, and refuses
 * the update if it is another, so a lie changes nothing.
 */
export function changeByNames({ ref, oldCommit, newCommit }: RefUpdate): Change | undefined {
  if (isNone(newCommit)) return 'delete'
  if (isNone(oldCommit)) return 'create'
  // Whoever builds from a tag relies on what it was: even forward it is not moved by git:push.
  return ref.startsWith('refs/tags/') ? 'force' : undefined
}

const actions: Readonly<Record<Change, string>> = {
  create: 'git:push',
  fast_forward: 'git:push',
  force: 'git:force',
  delete: 'git:delete',
}

/** The action that a grant must name for it; for an update that is not known yet, what it needs at least. */
export function actionOf(change: Change | undefined): string {
  return change === undefined ? 'git:push' : actions[change]
}

function isNone(id: string): boolean {
  return /^0+$/.test(id)
}
