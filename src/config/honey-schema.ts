import { z } from 'zod'

/** What a planted file looks like, and what a planted variable holds. */
export const honeyFileKinds = ['aws', 'netrc', 'npm', 'docker', 'kubernetes', 'ssh', 'git'] as const
export const honeyTokenKinds = ['github', 'gitlab', 'npm', 'docker'] as const

const path = z
  .string()
  .regex(
    /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._-][A-Za-z0-9._/-]{0,99}(?<!\/)$/,
    'a path within the step’s home, such as .aws/credentials',
  )

/** Tools look at these by themselves: the step's own work would touch the trap. */
const readByTools =
  /^(?:PATH|HOME|USER|SHELL|IFS|ENV|PS4|TMPDIR|LANG|LC_.*|LD_.*|DYLD_.*|MAYFLY_.*|NODE_.*|BASH.*|GIT_.*|SSH_.*|GPG_.*|AWS_.*|AZURE_.*|ARM_.*|GOOGLE_.*|GCLOUD_.*|CLOUDSDK_.*|DOCKER_.*|KUBECONFIG|NPM_.*|npm_.*|PIP_.*|TWINE_.*|UV_.*|CARGO_.*|GO.*|JAVA_.*|MAVEN_.*|GITHUB_.*|GH_.*|GITLAB_.*|GLAB_.*|CI|CI_.*|.*_PROXY|.*_proxy|VAULT_.*|BAO_.*|PG.*|MYSQL_.*)$/

/** `honey` of mayfly.yaml: planted credentials that open nothing. */
export const honeySchema = z
  .strictObject({
    files: z
      .record(path, z.enum(honeyFileKinds))
      .default({})
      .describe(
        'Files in a step’s home, by their paths: `".aws/credentials": aws`, `.netrc: netrc`, `.git-credentials: git`. They name the hosts below, so that no tool uses them of itself.',
      ),
    env: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'the name of a variable')
          .refine((name) => !readByTools.test(name), 'a name that no tool reads by itself: DEPLOY_TOKEN'),
        z.enum(honeyTokenKinds),
      )
      .default({})
      .describe('Variables of a step: `DEPLOY_TOKEN: github`.'),
    hosts: z
      .array(
        z
          .string()
          .regex(
            /^(?=.{1,200}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+$/,
            'a host name, such as git.internal.example.com',
          ),
      )
      .min(1, 'name a host that nobody needs: planted files say that they are for it')
      .max(20)
      .describe(
        'Hosts of your own domain that nobody needs: planted files say that they are for them, and whoever asks for one has read such a file. No connection and no egress list may name them.',
      ),
    roles: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('The roles whose steps find them; all of them if left out.'),
  })
  .refine(({ files, env }) => Object.keys(files).length + Object.keys(env).length > 0, {
    path: ['files'],
    error: 'nothing is planted: name files or env',
  })
  .refine(({ files, env }) => Object.keys(files).length + Object.keys(env).length <= 50, {
    path: ['files'],
    error: 'at most 50 files and variables',
  })
  .describe(
    'Planted credentials that look real and open nothing: whoever uses one is recorded as `honey.touched`, with the run and step that it was planted in.',
  )

export type HoneyConfig = z.output<typeof honeySchema>
export type HoneyFileKind = (typeof honeyFileKinds)[number]
export type HoneyTokenKind = (typeof honeyTokenKinds)[number]
