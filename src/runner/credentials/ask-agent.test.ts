import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { readEnvironment } from '../../config/environment.ts'
import { agentSocket } from './agent-place.ts'
import { findAgent } from './ask-agent.ts'

function runtime(t: TestContext) {
  // A socket's path is short.
  const folder = mkdtempSync('/tmp/mayfly-ag-')
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return (variables: Record<string, string>) => readEnvironment({ XDG_RUNTIME_DIR: folder, ...variables })
}

test('each job has an agent of its own, whatever its CI calls it', (t) => {
  const environment = runtime(t)
  const names = [
    'GITHUB_RUN_ID',
    'TEAMCITY_BUILD_PROPERTIES_FILE',
    'DRONE_BUILD_NUMBER',
    'CI_PIPELINE_NUMBER',
  ]
  const more = ['CODEBUILD_BUILD_ID', 'TRAVIS_JOB_ID', 'JOB_NAME', 'BUILD_NUMBER', 'GO_PIPELINE_COUNTER']
  for (const name of [...names, ...more]) {
    const at = (value: string) => agentSocket(environment({ [name]: value }), 'https://mayfly', 'build')
    assert.notEqual(at('1'), at('2'), name)
    assert.equal(at('1'), at('1'))
  }
})

test('what is in the place of its socket, or of its lock, is told in one line that says what to do', async (t) => {
  const environment = runtime(t)
  const blocks: [string, (path: string) => void][] = [
    ['folder', (path) => mkdirSync(path)],
    ['link', (path) => symlinkSync(join(path, '..'), `${path}.lock`)],
  ]
  for (const [id, block] of blocks) {
    const place = { environment: environment({ GITHUB_RUN_ID: id }), server: 'https://mayfly', role: 'build' }
    block(agentSocket(place.environment, place.server, place.role))
    await assert.rejects(findAgent(place, ['/bin/false']).connections(), {
      ...{
        code: 'data_folder',
        message: /^\S+, where the credential agent .* cannot be used .*: remove it$/,
      },
    })
  }
})
