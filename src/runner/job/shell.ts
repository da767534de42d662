import { existsSync } from 'node:fs'

/** The shell that runs a pipeline step's script: as GitHub and GitLab do, stopping at the first failure. */
export function shellCommand(script: string): string[] {
  const bash = '/bin/bash'
  return existsSync(bash) ? [bash, '-e', '-o', 'pipefail', '-c', script] : ['/bin/sh', '-e', '-c', script]
}
