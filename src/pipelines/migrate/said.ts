import type { Entry, PipelineFile } from '../model.ts'
import type { Said } from './policy.ts'

/** What pipeline files say of accounts, projects and regions, where all of them say the same. */
export function saidIn(files: readonly PipelineFile[]): Said {
  const found: Record<string, Set<string>> = {}
  const add = (key: string, value: string | undefined) => {
    if (value !== undefined) (found[key] ??= new Set()).add(value)
  }
  for (const file of files) {
    for (const [, account] of file.text.matchAll(/arn:aws:iam::(\d{12}):|\b(\d{12})\.dkr\.ecr\./g))
      add('aws.account', account)
    for (const { key, value } of entriesOf(file)) {
      const name = key.value.toLowerCase()
      const text = value?.value ?? ''
      if (/^(?:aws[-_](?:default[-_])?region)$/.test(name) && /^[a-z]{2,5}(?:-[a-z]+)+-\d{1,2}$/.test(text))
        add('aws.regions', text)
      if (
        /^(?:project_id|gcp_project|google_cloud_project|cloudsdk_core_project)$/.test(name) &&
        /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(text)
      )
        add('gcp.project', text)
    }
  }
  const one = Object.entries(found).flatMap(([key, values]): [string, string][] => {
    const [value, ...others] = values
    if (key === 'aws.regions') return [[key, `[${[...values].join(', ')}]`]]
    return value === undefined || others.length > 0 ? [] : [[key, /^\d+$/.test(value) ? `"${value}"` : value]]
  })
  return Object.fromEntries(one)
}

function entriesOf({ environment, jobs }: PipelineFile): Entry[] {
  return [
    ...environment,
    ...jobs.flatMap((job) => [
      ...job.environment,
      ...job.steps.flatMap((step) => [...step.environment, ...step.inputs]),
    ]),
  ]
}
