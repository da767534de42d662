import type { Breach } from '../breach.ts'

/** What the policy allows, called a breach: the suite has to say that it succeeded in a step. */
export const planted: Breach = {
  number: 0,
  name: 'planted: the policy allows it',
  wanted: 'what the job sends to a host that is granted',
  jobs: [
    { role: 'build', program: 'curl -sS --data-binary sent "https://uploader.example.org/$GITHUB_JOB"' },
  ],
  got: ({ arrived }) => arrived('uploader.example.org').some(({ body }) => body === 'sent'),
  recorded: [/no entry says this/],
}
