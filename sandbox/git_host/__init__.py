"""A local git host that speaks the APIs of GitHub and of GitLab, over real bare repositories."""
