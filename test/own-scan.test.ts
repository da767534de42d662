import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { baseEnvironment, projectFolder } from '../demo/stage.ts'

const noCheckout = existsSync(join(projectFolder, '.git')) ? false : 'there is no repository here'

test(
  'no secret is in this repository, but what .mayfly/scan.yaml accepts with its reason',
  { skip: noCheckout },
  () => {
    const args = ['scan', '--git-ignored', 'skip', '--confidence', 'likely']
    const { status, stdout, stderr } = spawnSync(join(projectFolder, 'bin/mayfly'), args, {
      ...{ cwd: projectFolder, env: baseEnvironment(), encoding: 'utf8' },
    })
    assert.equal(status, 0, `${stdout}${stderr}`)
    assert.match(stdout, /no secret found; \d+ places accepted .*\(\d{4,} files/)
  },
)
