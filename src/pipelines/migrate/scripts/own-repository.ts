import type { Need, Project } from '../model.ts'

/** With the job’s own repository, which every role reads. */
export function needsOfRole(needs: readonly Need[], { repository }: Project): Need[] {
  const own: Need = {
    connection: 'git',
    action: 'git:read',
    path: repository.path,
    url: repository.host,
    writes: false,
  }
  return [own, ...needs]
}
