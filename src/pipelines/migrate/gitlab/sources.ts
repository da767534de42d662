/** Words of `only` and `except`, as `CI_PIPELINE_SOURCE` says them. Source: GitLab documentation, "CI/CD YAML syntax reference", `only:refs`. */
export const sources: Readonly<Record<string, string>> = {
  merge_requests: 'merge_request_event',
  schedules: 'schedule',
  web: 'web',
  api: 'api',
  triggers: 'trigger',
  pushes: 'push',
  pipelines: 'pipeline',
  external_pull_requests: 'external_pull_request_event',
}
