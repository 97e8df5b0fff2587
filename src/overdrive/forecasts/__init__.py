"""Where runs that have not finished would end: one belief for policies and samplers. Pure."""
